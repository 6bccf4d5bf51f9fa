from fastapi import FastAPI

from bakery.settings import Bread

settings = Bread()
app = FastAPI()
