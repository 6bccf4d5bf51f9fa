<?php
$socket = new React\Socket\SocketServer('0.0.0.0:8090');
$url = getenv('REDIS_URL') ?: 'redis://localhost';
