from fastapi import FastAPI
app: FastAPI = FastAPI(title='x')
