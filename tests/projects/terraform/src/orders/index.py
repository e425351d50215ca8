from work import work


def handler(event, context):
    return work(event["name"])
