def hello(event, context):
    return {"hello": event["name"]}
