"""What Tekton would refuse, and what fails when it runs."""
