"""What makes something of ours in Odoo live, or takes it back: the only module that confirms, posts, credits or charges.

Owns: the calls. Does not own: whether they may be made (domain/gate), their order and their journal (acts/flip_steps,
acts/unflip_steps, acts/live_invoices). An import contract lets nobody else use it.
"""
