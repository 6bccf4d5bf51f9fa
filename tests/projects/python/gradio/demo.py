import gradio as gr
gr.Interface().launch(server_name='0.0.0.0', server_port=7861)
