<?php
/* Plugin Name: Shop */
