"""How a session is connected to the WebSocket API: three classes, one in the other. Pure.

A `link.Link` is a session that is connected, whatever becomes of its WebSocket; a `connection.Connection`
opens another WebSocket whenever that is needed; a `line.Line` is one WebSocket, to its end.
"""
