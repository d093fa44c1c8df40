"""The core's pages: each reads a form, calls one action, and redirects or shows what is wrong."""
