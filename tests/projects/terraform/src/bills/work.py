def work(name):
    return {"bill": name}
