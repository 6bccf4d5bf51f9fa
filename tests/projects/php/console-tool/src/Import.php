<?php
$key = getenv('API_KEY');
