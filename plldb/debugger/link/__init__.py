"""How a session is connected to the WebSocket API: three classes, one in the other. Pure.

A `link.Link` is a session that is connected, whatever becomes of its WebSocket; a `reconnector.Reconnector`
opens another one whenever that is needed; a `connection.Connection` is one WebSocket, to its end.
"""
