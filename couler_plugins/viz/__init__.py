"""Pictures of workflows: diagrams as text, and the page for a browser."""
