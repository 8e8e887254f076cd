"""REST and WebSocket for the apps."""
