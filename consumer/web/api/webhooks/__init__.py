"""Webhooks and their deliveries. Layer: web.

Routes only store what is to be done; workers send (consumer/relay/webhooks).
"""
