from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Common(BaseSettings):
    queue_host: str
    queue_port: int = 5672  # of RabbitMQ


class Bread(Common):
    model_config = SettingsConfigDict(env_prefix='BREAD_')

    database_url: str
    oven_count: int = Field(default=2)
    recipe: str | None = None
    token: str = Field(..., alias='PAYMENT_TOKEN')
