from prices import PRICE


def lambda_handler(event, context):
    return {"bill": event["name"], "price": PRICE}
