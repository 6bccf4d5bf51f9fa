from setuptools import setup
setup(name='worker', python_requires='>=3.8', install_requires=['pika', 'requests'])
