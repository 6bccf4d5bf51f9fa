<?php
$url = env('DATABASE_URL');
