"""The dashboard: the only package that imports streamlit. Pages are thin scripts in `pages/`."""
