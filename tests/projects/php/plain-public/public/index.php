<?php require '../src/app.php';
