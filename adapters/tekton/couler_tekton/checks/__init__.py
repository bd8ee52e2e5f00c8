"""The checks behind `couler lint`, one file a subject; each follows Tekton's admission webhook, and is written anew."""
