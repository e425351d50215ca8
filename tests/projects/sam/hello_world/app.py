import json
import os


def lambda_handler(event, context):
    message = f"{os.environ['GREETING']} {event['name']}"
    return {"statusCode": 200, "body": json.dumps({"message": message})}
