"""The wire format of events in and messages out: pydantic models, JSON Schemas, AsyncAPI and golden examples."""
