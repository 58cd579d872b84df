"""Help for those who have less: aid activities and their matching, product passports, skills.

Converters and matching, pure: bytes and rows in, values out. No shop, no course platform, no data base of aid.

    file = parse_iati(data).file                 # iati: aid activities, IATI 2.03 in and out
    made = match(requests, offers)               # assignment: who helps whom, every point of every score told
    passport(rows)                               # passport: a seller's goods, checked; readiness for each channel
"""
