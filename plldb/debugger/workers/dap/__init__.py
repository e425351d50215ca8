"""The Debug Adapter Protocol (DAP): how editors reach the workers of a session. Talks to editors."""
