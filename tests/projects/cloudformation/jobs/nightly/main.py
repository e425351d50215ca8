def handler(event, context):
    return {"nightly": event["name"]}
