def price_of(event):
    return len(event["name"])
