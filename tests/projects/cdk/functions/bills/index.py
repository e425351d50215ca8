def handler(event, context):
    return {"bill": event["name"]}
