def work(name):
    return {"order": name}
