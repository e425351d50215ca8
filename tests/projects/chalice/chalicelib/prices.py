from rates import RATE


def price_of(event):
    return len(event["name"]) * RATE
