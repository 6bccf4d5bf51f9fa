<?php
$app->get('/health', fn() => 1);
$dsn = getenv('DATABASE_URL') ?: 'sqlite::memory:';
$key = $_ENV['API_KEY'];
