"""The web process: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`.

Imported, this is the ASGI application: the dashboard, and the routes beside it. Executed, as tests do,
it is the dashboard's script alone.
"""

import streamlit as st

from reengagement.dashboard import shell

if __name__ == "__main__":
    shell.main()
else:
    from reengagement.dashboard import serving

    app = st.App(
        shell.__file__,
        secrets=serving.secrets(),
        lifespan=serving.lifespan,
        routes=serving.routes(),
        middleware=serving.middleware(),
    )
