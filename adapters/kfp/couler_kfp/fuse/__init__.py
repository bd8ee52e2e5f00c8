"""`fuse` for KFP: chains of Python components of one image in one pod."""
