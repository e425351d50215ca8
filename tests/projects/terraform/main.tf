terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.0" }
  }
}

data "archive_file" "orders" {
  type        = "zip"
  source_dir  = "${path.module}/src/orders"
  output_path = "${path.module}/build/orders.zip"
}

resource "aws_lambda_function" "orders" {
  function_name    = "terraform-orders"
  filename         = data.archive_file.orders.output_path
  source_code_hash = data.archive_file.orders.output_base64sha256
  handler          = "index.handler"
  runtime          = "python3.13"
  role             = aws_iam_role.lambda.arn
}

module "bills" {
  source = "terraform-aws-modules/lambda/aws"

  function_name = "terraform-bills"
  handler       = "index.handler"
  runtime       = "python3.13"
  source_path   = "src/bills"
}
