"""Routes for those who operate the service: dead letters. Layer: web."""
