<?php
return ['default' => env('DB_CONNECTION', 'sqlite'), 'host' => env('DB_HOST', '127.0.0.1'), 'password' => env('DB_PASSWORD', '')];
