def handler(event, context):
    return {"mail": event["name"]}
