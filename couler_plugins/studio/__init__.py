"""`couler studio`: a local web server with one page, on which people look at workflows and edit them."""
