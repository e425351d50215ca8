from chalice import Chalice
from chalicelib.prices import price_of

app = Chalice(app_name="chalice-shop")


@app.lambda_function()
def order(event, context):
    return {"order": price_of(event)}
