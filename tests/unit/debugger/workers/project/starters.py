"""Small projects, each in the shape that the starter of its tool has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HANDLER = "def handler(event, context):\n    return '{name}'\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """A function as deployed, and where it is found: a folder of the project, and the handler that is run."""

    name: str
    logical_id: str
    handler: str
    folder: str
    own: str = ""


@dataclass(frozen=True, slots=True)
class Starter:
    """A project: its Python files (each says its own name), its other files, links, and its functions."""

    python: tuple[str, ...]
    files: Mapping[str, str]
    functions: tuple[Expected, ...]
    links: tuple[tuple[str, str], ...] = ()

    def write(self, root: Path) -> None:
        """Make the project."""
        for name in self.python:
            self._write(root / name, HANDLER.format(name=name))
        for name, text in self.files.items():
            self._write(root / name, text)
        for name, target in self.links:
            (root / name).symlink_to(target)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def cdk(**assets: str) -> str:
    """A template as AWS CDK synthesizes it: functions by logical id, each with its asset."""
    resources = {
        name: {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Handler": "index.handler", "Code": {"S3Bucket": {"Fn::Sub": "cdk"}}},
            "Metadata": {"aws:cdk:path": f"Shop/{name}/Resource", "aws:asset:path": asset},
        }
        for name, asset in assets.items()
    }
    return json.dumps({"Resources": resources})


SAM = Starter(
    python=(
        *("hello_world/app.py", "hello_world/__init__.py", "shared/app.py", "orders/src/app.py"),
        *(".aws-sam/build/HelloWorldFunction/app.py", "bills/src/app.py", "tests/unit/app.py"),
        ".aws-sam/build/Made/main.py",
    ),
    files={
        "template.yaml": """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 3, CodeUri: shared/}}
Resources:
  HelloWorldFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello_world/
      Handler: app.lambda_handler
      Runtime: python3.13
      Events: {HelloWorld: {Type: Api, Properties: {Path: /hello, Method: get}}}
  Shared: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Role: !GetAtt Role.Arn}}
  Linked: {Type: AWS::Serverless::Function, Properties: {CodeUri: linked, Handler: app.handler}}
  Orders: {Type: AWS::Serverless::Application, Properties: {Location: orders/template.yaml}}
  Bills: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./bills/template.yaml}}
Outputs: {Arn: {Value: !Sub '${HelloWorldFunction.Arn}'}}
""",
        "orders/template.yaml": "Resources: {Do: {Type: AWS::Lambda::Function, Properties: {Code: ./src}}}",
        "bills/template.yaml": "Resources: {Do: {Type: AWS::Lambda::Function, Properties: {Code: src}}}",
        ".aws-sam/build/template.yaml": """
Resources:
  HelloWorldFunction: {Type: AWS::Serverless::Function, Properties: {CodeUri: HelloWorldFunction}}
  Made: {Type: AWS::Serverless::Function, Properties: {CodeUri: Made}}
""",
    },
    links=(("linked", "shared"),),
    functions=(
        Expected("hi-HelloWorldFunction-1", "HelloWorldFunction", "app.lambda_handler", "hello_world"),
        Expected("hi-Shared-1", "Shared", "app.handler", "shared"),
        Expected("hi-Linked-1", "Linked", "app.handler", "shared"),
        Expected("hi-Orders-Do-1", "Orders/Do", "app.handler", "orders/src"),
        Expected("hi-Bills-Do-1", "Bills/Do", "app.handler", "bills/src"),
        Expected("hi-Made-1", "Made", "main.handler", ".aws-sam/build/Made"),
    ),
)

CDK = Starter(
    python=(
        *("app.py", "shop/__init__.py", "shop/shop_stack.py", "lambda/hello.py", "lambda/app.py"),
        *("functions/orders/index.py", "functions/bills/index.py", "cdk.out/asset.1/hello.py"),
        "cdk.out/asset.4/made.py",
    ),
    files={
        "cdk.json": '{"app": "python3 app.py"}',
        "cdk.out/Shop.template.json": cdk(Hello1A="asset.1", Orders2B="asset.2", Made4D="asset.4"),
        "cdk.out/assembly-Prod/ProdShop.template.json": cdk(Bills3C="../asset.3"),
        # what PythonFunction has bundled: the entry and its packages
        "cdk.out/asset.2/index.py": HANDLER.format(name="functions/orders/index.py"),
        "cdk.out/asset.3/index.py": HANDLER.format(name="functions/bills/index.py"),
    },
    functions=(
        Expected("Shop-Hello1A-1", "Hello1A", "hello.handler", "lambda"),
        Expected("Shop-App5E-1", "App5E", "app.handler", "lambda"),
        Expected("Shop-Orders2B-1", "Orders2B", "index.handler", "functions/orders"),
        Expected("Prod-Bills3C-1", "Bills3C", "index.handler", "functions/bills"),
        Expected("Shop-Made4D-1", "Made4D", "made.handler", "cdk.out/asset.4"),
    ),
)

SERVERLESS = Starter(
    python=(
        *("services/web/handler.py", "services/web/lib/handler.py", "services/jobs/handler.py"),
        *(
            "services/jobs/mail/send.py",
            "services/jobs/old/send.py",
            "services/web/node_modules/x/handler.py",
        ),
    ),
    files={
        "services/web/serverless.yml": """
service: web
provider: {name: aws, runtime: python3.13, stage: "${opt:stage, 'dev'}"}
plugins: [serverless-python-requirements]
package: {individually: true, patterns: ['!node_modules/**']}
functions:
  hello: {handler: handler.handler, events: [{httpApi: '*'}]}
  say-it_now: {handler: lib/handler.handler}
""",
        "services/jobs/serverless.yml": """
service: {name: jobs}
functions: ['${file(functions.yml)}']
""",
        "services/jobs/functions.yml": """
hello: {handler: handler.handler}
mails: {handler: send.handler, module: mail}
""",
        "services/web/node_modules/x/serverless.yml": "functions: {hello: {handler: handler.handler}}",
    },
    functions=(
        Expected("web-dev-hello", "HelloLambdaFunction", "handler.handler", "services/web"),
        Expected(
            "web-dev-say-it_now",
            "SayDashitUnderscorenowLambdaFunction",
            "s_say-it_now.handler",
            "services/web",
            "lib/handler.handler",
        ),
        Expected("jobs-dev-hello", "HelloLambdaFunction", "handler.handler", "services/jobs"),
        Expected("jobs-dev-mails", "", "send.handler", "services/jobs/mail"),
    ),
)

SERVERLESS_IN_TYPESCRIPT = Starter(
    python=("src/functions/hello/handler.py", "src/functions/bye/handler.py"),
    files={"serverless.ts": "const configuration: AWS = {service: 'shop'};"},
    functions=(Expected("shop-dev-hello", "HelloLambdaFunction", "src/functions/hello/handler.main", "."),),
)

CHALICE = Starter(
    python=(
        *("shop/app.py", "shop/chalicelib/__init__.py", "shop/chalicelib/db.py", "blog/app.py"),
        "shop/.chalice/deployments/app.py",
    ),
    files={
        "shop/.chalice/config.json": '{"version": "2.0", "app_name": "shop", "stages": {"dev": {}}}',
        "blog/.chalice/config.json": '{"version": "2.0", "app_name": "blog", "stages": {"dev": {}}}',
    },
    functions=(
        Expected("shop-dev", "", "app.app", "shop"),
        Expected("blog-dev-every_hour", "", "app.every_hour", "blog"),
    ),
)

TERRAFORM = Starter(
    python=("src/hello/hello.py", ".terraform/modules/lambda/hello.py", "build/hello/hello.py"),
    files={
        "main.tf": """
data "archive_file" "hello" {
  type        = "zip"
  source_dir  = "${path.module}/src/hello"
  output_path = "${path.module}/build/hello.zip"
}
resource "aws_lambda_function" "hello" {
  function_name = "hello"
  filename      = data.archive_file.hello.output_path
  handler       = "hello.handler"
  runtime       = "python3.13"
}
""",
    },
    functions=(Expected("hello", "", "hello.handler", "src/hello"),),
)

CLOUDFORMATION = Starter(
    python=("code/index.py", "other/index.py", "code/pkg/__init__.py"),
    files={
        "stack.yml": """
Resources:
  Local: {Type: AWS::Lambda::Function, Properties: {Code: code/, Handler: index.handler}}
  Package: {Type: AWS::Lambda::Function, Properties: {Code: code/, Handler: pkg.handler}}
""",
    },
    functions=(
        Expected("s-Local-1", "Local", "index.handler", "code"),
        Expected("s-Package-1", "Package", "pkg.handler", "code"),
    ),
)

BY_HAND = Starter(
    python=("lambda_function.py", "lib/util.py"),
    files={},
    functions=(Expected("made-in-the-console", "", "lambda_function.lambda_handler", "."),),
)

STARTERS = {
    "sam": SAM,
    "cdk": CDK,
    "serverless": SERVERLESS,
    "serverless.ts": SERVERLESS_IN_TYPESCRIPT,
    "chalice": CHALICE,
    "terraform": TERRAFORM,
    "cloudformation": CLOUDFORMATION,
    "by hand": BY_HAND,
}
