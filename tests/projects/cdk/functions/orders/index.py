from prices import price_of


def handler(event, context):
    price = price_of(event)
    return {"order": price}
