"""Plays MEMOPYK and photALL on one machine: takes signed orders, fetches the photos by their links, calls back."""
