"""The shapes of what comes in and what goes out: pydantic models, JSON Schema, AsyncAPI and golden examples."""
