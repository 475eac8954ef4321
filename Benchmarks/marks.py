"""The marks that the bridge is held to, as ratios within one run, and whether they are met."""
from dataclasses import dataclass

MB = 1024


@dataclass
class Check:
    """One figure against one limit."""

    met: bool
    said: str


def ratio(name, found, limit, at_least=False):
    """A ratio of ours to theirs; None when one of them was not measured."""
    if found is None:
        return None
    met = found >= limit if at_least else found <= limit
    return Check(met, f"{found:.2f} × {name}{'' if met else ' (!)'}")


def limit(found, most, said):
    if found is None:
        return None
    return Check(found <= most, said + ('' if found <= most else ' (!)'))


def either(*checks):
    """Met when one of them is."""
    known = [check for check in checks if check]
    if not known:
        return None
    return Check(any(check.met for check in known), ' or '.join(check.said.replace(' (!)', '') for check in known))


def bridge_marks(reports, extra):
    """The rows. `reports` has the medians of figures and of ratios, or None; `extra` what is no harness' report."""
    us = lambda scenario, key: reports.median(scenario, 'chatbridge', key)
    # Two loops are held against what others do with the two cores.
    theirs = {'loops64': 'w64', 'loops512': 'w512'}
    against = lambda scenario, key, peer, most, **more: ratio(
        peer, reports.ratio(key, (scenario, 'chatbridge'), (theirs.get(scenario, scenario), peer)), most, **more)
    micro = lambda value: f'{value:,.0f} µs' if value is not None else '–'
    mega = lambda value: f'{value / MB:.1f} MB' if value is not None else '–'
    rate = lambda value: f'{value:,.0f}/s' if value is not None else '–'

    def loops(said, one, two, key):
        """What one loop and two come to, before the ratio of two."""
        single = against(one, key, 'go', 0)
        return f'{said(us(two, key))} by two loops ({said(us(one, key))} by one' + (
            f", {single.said.replace(' (!)', '')})" if single else ')')

    over = lambda value, divisor: None if value is None else value / divisor

    lost = us('stopped64', 'log_expected')
    lost = None if lost is None else lost - us('stopped64', 'log_stored') + us('stopped64', 'missing')
    flight = extra.get('flight', {})
    share = extra.get('log_share')
    size = extra.get('binary_bytes')
    rows = [
        ('CPU a message, 64 in flight', '≤ 2.4 × floor, ≤ 0.6 × Go, ≤ 0.46 × Node',
         micro(us('w64', 'bridge_cpu_us')),
         [against('w64', 'bridge_cpu_us', peer, most) for peer, most in (('floor', 2.4), ('go', 0.6), ('node', 0.46))]),
        ('CPU a message, 500/s', '≤ 2.1 × floor, ≤ 0.3 × Go, ≤ 0.4 × Node',
         micro(us('open', 'bridge_cpu_us')),
         [against('open', 'bridge_cpu_us', peer, most) for peer, most in (('floor', 2.1), ('go', 0.3), ('node', 0.4))]),
        ('added latency at 500/s, p50', '≤ 1.9 × floor, ≤ 0.82 × Go', micro(us('open', 'added_p50_us')),
         [against('open', 'added_p50_us', peer, most) for peer, most in (('floor', 1.9), ('go', 0.82))]),
        ('added latency at 500/s, p99', '≤ 0.8 × Go', micro(us('open', 'added_p99_us')),
         [against('open', 'added_p99_us', 'go', 0.8)]),
        ('throughput, 64 in flight', '≥ 1.2 × Go', loops(rate, 'w64', 'loops64', 'throughput'),
         [against('loops64', 'throughput', 'go', 1.2, at_least=True)]),
        ('throughput, 512 in flight', '≥ 1.4 × Go', loops(rate, 'w512', 'loops512', 'throughput'),
         [against('loops512', 'throughput', 'go', 1.4, at_least=True)]),
        ('added p99, 512 in flight', '≤ 0.6 × Go', loops(micro, 'w512', 'loops512', 'added_p99_us'),
         [against('loops512', 'added_p99_us', 'go', 0.6)]),
        ('1,000 answers in flight, agent 1 s', 'added p99 ≤ 600 µs or ≤ 2.4 × floor', micro(us('think', 'added_p99_us')),
         [either(limit(us('think', 'added_p99_us'), 600, '≤ 600 µs'
                       if (us('think', 'added_p99_us') or 601) <= 600 else '> 600 µs'),
                 against('think', 'added_p99_us', 'floor', 2.4))]),
        ('the same, memory', '≤ 40 MB', mega(us('think', 'bridge_rss_peak_kb')),
         [limit(over(us('think', 'bridge_rss_peak_kb'), MB), 40, '')]),
        ('50,000 answers in flight, agent 30 s', '≤ 400 MB, none lost, added p99 ≤ 20 ms',
         flight.get('said', '–'),
         [limit(over(flight.get('rss_kb'), MB), 400, mega(flight.get('rss_kb'))),
          limit(flight.get('lost'), 0, f"{flight.get('lost')} lost"),
          limit(flight.get('p99_us'), 20_000, f"p99 {micro(flight.get('p99_us'))}")]),
        ('Redis stopped for 6 s, 64 in flight', 'none lost, ≤ 100 MB, added p99 ≤ 1.2 × that without',
         f"p99 {micro(us('stopped64', 'added_p99_us'))}",
         [limit(lost, 0, f'{lost:.0f} lost' if lost is not None else ''),
          limit(over(us('stopped64', 'bridge_rss_peak_kb'), MB), 100, mega(us('stopped64', 'bridge_rss_peak_kb'))),
          ratio('that without', reports.ratio(
              'added_p99_us', ('stopped64', 'chatbridge'), ('steady64', 'chatbridge')), 1.2)]),
        ("log path's share of a message's CPU", '≤ 10 %', f'{share:.1f} %' if share is not None else '–',
         [limit(share, 10, extra.get('log_share_said', ''))]),
        ('cold start to the first 200', '≤ 20 ms',
         f"{us('cold', 'cold_200_ms'):.1f} ms" if us('cold', 'cold_200_ms') is not None else '–',
         [limit(us('cold', 'cold_200_ms'), 20, '')]),
        ('idle memory', '≤ 15 MB', mega(us('cold', 'bridge_rss_ready_kb')),
         [limit(over(us('cold', 'bridge_rss_ready_kb'), MB), 15, '')]),
        ('release binary, static stdlib, stripped', '≤ 25 MB', f'{size / 1e6:.1f} MB' if size else '–',
         [limit(over(size, 1e6), 25, '')]),
    ]
    found = []
    for order, (what, mark, figure, checks) in enumerate(rows):
        known = [check for check in checks if check]
        details = ', '.join(check.said for check in known if check.said.replace(' (!)', ''))
        met = None if len(known) < len(checks) or not known else all(check.met for check in known)
        # One that is missed is missed, whatever else there was to measure.
        if any(not check.met for check in known):
            met = False
        found.append({'order': order if order < 12 else 30 + order, 'what': what, 'mark': mark,
                      'measured': figure + (f': {details}' if details else ''), 'met': met})
    return found
