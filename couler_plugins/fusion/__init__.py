"""Fusion: chains of steps become single steps, so that their work shares a pod."""
