"""Webhooks: messages of the outbox, sent by HTTP to the addresses that accounts have given.

outbox ─► enqueue.py ─► webhook_deliveries ─► deliver.py ─► send.py ─► an address of the account
"""
