from celery import Celery
app = Celery('tasks', broker=os.environ.get('BROKER_URL', 'redis://localhost'))
