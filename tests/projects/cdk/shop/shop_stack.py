from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_lambda_python_alpha import PythonFunction


class ShopStack(Stack):
    def __init__(self, scope, construct_id, **settings):
        super().__init__(scope, construct_id, **settings)
        runtime = lambda_.Runtime.PYTHON_3_13
        code = lambda_.Code.from_asset("lambda")
        lambda_.Function(self, "Hello", runtime=runtime, handler="hello.handler", code=code)
        PythonFunction(self, "Orders", runtime=runtime, entry="functions/orders")
        PythonFunction(self, "Bills", runtime=runtime, entry="functions/bills")
        code = lambda_.Code.from_inline("def handler(event, context):\n    return 'inline'\n")
        lambda_.Function(self, "Inline", runtime=runtime, handler="index.handler", code=code)
