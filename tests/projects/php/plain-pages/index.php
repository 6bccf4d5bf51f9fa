<?php
$db = new PDO(getenv('DB_DSN'));
