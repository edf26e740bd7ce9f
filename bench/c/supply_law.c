/* The supply law and the pressure loop of coolantd once more, by hand in C: a measuring stick for the compiled Python.
 *
 * One row per CDU, in automatic and with good readings; modes, qualities, other writers and the envelope are left out.
 * Written from the descriptions in control/supply_law.py, exchanger_model.py, heat_ahead.py, stuck_valve.py and pid.py,
 * in C's own way: the films and rates that a search does not change are worked out once, and states are structs.
 * Columns are those of bench/c_law.py. Build: gcc -O2 -ffp-contract=off -shared -fPIC (no -ffast-math: nothing may
 * differ from the laws beyond rounding).
 */
#include <math.h>
#include <stddef.h>

#define STAGES 4
#define HORIZON 12
#define HORIZON_S 2.0

typedef struct {
    double gain, action, ti, td, n, tt, b, low, high, rate, setpoint, ramp;
} loop_t;

typedef struct {
    double output, integral, filtered, ramped, gain_used, b_used, used;
} loop_state_t;

typedef struct {
    double ua, tcs_rated, fws_rated, kv, resistance, ln_r, tcs_capacity, fws_capacity;
    double exchanger_l, pipe_l, tank_l, plate_s, sensor_s, actuator_s, deadband, dew_margin;
} model_t;

typedef struct {
    double hot, cold, flow, dp, hot_slow, cold_slow, hot_calm, cold_calm, valve, seen_valve, seen_flow, seen_dp;
    double supply, bias, trim, stuck, offset, freed, freeing, heat[STAGES];
} model_state_t;

typedef struct { loop_t supply, pressure; model_t model; } params_t;
typedef struct { loop_state_t supply, pressure; model_state_t model; } state_t;
typedef struct {
    double supply, pressure, ret, fws, flow, fws_dp, dew, power, valve, valve_held, pump, pump_held;
} inputs_t;

static double clip(double v, double low, double high) { return !(v >= low) ? low : v > high ? high : v; }
static double lag(double old, double now, double t, double dt) { return old + (now - old) * dt / (t + dt); }
static double share(double v, double zone) { double r = v / zone; return fmin(1.0, r * r); }
static double calmed(double old, double now, double zone, double t, double dt) {
    return old + (now - old) * fmax(share(now - old, zone), dt / (t + dt));
}
static double film(double rated, double ratio) { return rated * pow(fmax(ratio, 0.1), 0.8); }

/* What does not change while a position is searched for. */
typedef struct { const model_t *m; double hot_rate, tcs, root_dp; } side_t;

static side_t side(const model_t *m, double flow, double dp) {
    side_t s = {m, flow * m->tcs_capacity / 60.0, film(2.0 * m->ua, flow / m->tcs_rated), fmax(dp, 0.0)};
    return s;
}

static double supply_at(const side_t *s, double pct, double hot, double cold) {
    const model_t *m = s->m;
    double x = pct / 100.0, opening;
    if (s->hot_rate <= 0.0) return hot;
    if (x >= 0.01) {
        opening = exp(m->ln_r * (x - 1.0));
    } else {
        double toe = exp(m->ln_r * (0.01 - 1.0));
        opening = 1e-4 + (toe - 1e-4) * x / 0.01;
    }
    double kv = m->kv * opening;
    double fws = kv * sqrt(s->root_dp / (1.0 + m->resistance * kv * kv));
    double cold_rate = fws * m->fws_capacity / 60.0;
    double other = film(2.0 * m->ua, fws / m->fws_rated);
    double ua = s->tcs * other / (s->tcs + other);
    double least = fmin(s->hot_rate, cold_rate), heat = 0.0;
    if (least > 0.0) {
        double ratio = least / fmax(s->hot_rate, cold_rate), ntu = ua / least, eff;
        if (ratio > 0.9999) {
            eff = ntu / (1.0 + ntu);
        } else {
            double fall = exp(-ntu * (1.0 - ratio));
            eff = (1.0 - fall) / (1.0 - ratio * fall);
        }
        heat = eff * least;
    }
    return hot - heat * (hot - cold) / s->hot_rate;
}

static double valve_for(const side_t *s, double target, double hot, double cold) {
    double low = 0.0, high = 100.0;
    if (hot <= target) return 0.0;
    for (int k = 0; k < 20; k++) {
        double middle = 0.5 * (low + high);
        if (supply_at(s, middle, hot, cold) <= target) high = middle; else low = middle;
    }
    return high;
}

static double ahead(double now, double *slow, double *calm, double zone, double lead_s, double dt) {
    double lead = lead_s * (now - *slow) / (1.0 + dt);
    *slow = lag(*slow, now, 1.0, dt);
    *calm = calmed(*calm, now, zone, 4.0, dt);
    return *calm + lead * share(lead, 4.0 * zone);
}

static int must_start(const side_t *s, const model_state_t *d, const loop_t *p, double power, double target, double hot,
                      double cold, double now_pct) {
    const model_t *m = s->m;
    double t0 = m->plate_s * (m->tcs_rated / d->flow), t1 = 60.0 * (0.5 * m->pipe_l) / d->flow;
    double t3 = 60.0 * m->tank_l / d->flow, half = 0.5 * HORIZON_S;
    double h0 = d->heat[0], h1 = d->heat[1], h2 = d->heat[2], h3 = d->heat[3], now = h3;
    for (int k = 0; k < HORIZON; k++) {
        for (int j = 0; j < 2; j++) {
            h0 = lag(h0, power, t0, half);
            h1 = lag(h1, h0, t1, half);
            h2 = lag(h2, h1, t1, half);
            h3 = lag(h3, h2, t3, half);
        }
        double moving = fmax((k + 1) * HORIZON_S - m->actuator_s, 0.0);
        double later = hot + (h3 - now) / s->hot_rate;
        if (later > hot) {
            double position = clip(now_pct + p->rate * moving, 0.0, p->high);
            if (supply_at(s, position, later, cold) > target + 0.1) return 1;
        }
    }
    return 0;
}

static double free_valve(model_state_t *d, double wanted, double last, double told, double deadband, double error,
                         double rate, double dt) {
    if (d->stuck < 0.0) {
        int going = d->stuck < -8.0;
        d->stuck = fmin(d->stuck + dt, 0.0);
        int stirred = fabs(d->valve - d->freed) < 0.5 * d->freeing;
        if (going && !stirred && d->stuck < -8.0) return d->freed;
        if (going) {
            int written = fabs(told - d->freed) <= 1.0;
            d->stuck = fmax(d->stuck, -8.0);
            if (written) d->freeing = stirred ? 3.0 : fmin(2.0 * d->freeing, 7.0);
            d->freed = written && stirred ? 1.0 : 0.0;
        }
        if (d->stuck == 0.0 && d->freed == 1.0) d->offset = clip(told - d->valve, -6.0, 6.0);
        return wanted;
    }
    double away = told - d->valve - d->offset;
    int resting = fabs(wanted - last) <= deadband && fabs(told - last) <= 1.0;
    d->stuck = resting && fabs(away) > 0.4 && fabs(away) < 6.0 ? d->stuck + dt : 0.0;
    if (d->stuck > 10.0 && fabs(error) > 0.12) {
        d->freed = d->valve - copysign(d->freeing, away);
        d->stuck = -(8.0 + 4.0 + fabs(d->freed - last) / rate);
        return d->freed;
    }
    return wanted;
}

static void observe(const model_t *m, model_state_t *d, const inputs_t *in, double dt) {
    d->valve = in->valve;
    d->seen_valve = lag(d->seen_valve, d->valve, m->sensor_s, dt);
    d->seen_flow = lag(d->seen_flow, d->flow, m->sensor_s, dt);
    d->seen_dp = lag(d->seen_dp, d->dp, m->sensor_s, dt);
    side_t seen = side(m, d->seen_flow, d->seen_dp);
    double rest = supply_at(&seen, d->seen_valve, d->hot, d->cold);
    d->supply = lag(d->supply, rest, 60.0 * m->exchanger_l / d->flow, dt);
    double missing = in->supply - d->supply - d->bias;
    d->bias += missing * fmax(share(missing, 0.1), 0.2) * dt / (6.0 + dt);
}

static void take_heat(const model_t *m, model_state_t *d, double power, double dt) {
    double t[STAGES] = {m->plate_s * (m->tcs_rated / d->flow), 60.0 * (0.5 * m->pipe_l) / d->flow,
                        60.0 * (0.5 * m->pipe_l) / d->flow, 60.0 * m->tank_l / d->flow};
    int known = isfinite(d->heat[0]);
    double before = power;
    for (int k = 0; k < STAGES; k++) {
        if (known) before = lag(d->heat[k], before, t[k], dt);
        d->heat[k] = before;
    }
}

static void ramp(const loop_t *p, loop_state_t *s, double pv, double dt) {
    double step = p->ramp * dt;
    if (!isfinite(s->ramped)) s->ramped = pv;
    s->ramped = clip(p->setpoint, s->ramped - step, s->ramped + step);
}

static void supply_loop(const params_t *q, state_t *z, const inputs_t *in, double dt) {
    const loop_t *p = &q->supply;
    const model_t *m = &q->model;
    loop_state_t *s = &z->supply;
    model_state_t *d = &z->model;
    ramp(p, s, in->supply, dt);
    double floor_c = in->dew + m->dew_margin;
    s->used = fmax(s->ramped, floor_c);
    double setpoint = fmax(s->used, floor_c + 0.25);
    d->hot = in->ret, d->cold = in->fws, d->flow = in->flow, d->dp = in->fws_dp;
    observe(m, d, in, dt);
    take_heat(m, d, in->power, dt);
    double lead_s = m->sensor_s + m->actuator_s + 0.5 * dt;
    double zone = fmax(0.08, 0.025 * (d->hot - d->supply));
    double hot = ahead(d->hot, &d->hot_slow, &d->hot_calm, zone, lead_s, dt);
    double cold = ahead(d->cold, &d->cold_slow, &d->cold_calm, 0.08, lead_s, dt);
    double target = setpoint - d->bias - d->trim, last = s->output, step = p->rate * dt, error = in->supply - setpoint;
    side_t now = side(m, d->flow, d->dp);
    double wanted = valve_for(&now, target, hot, cold);
    if (must_start(&now, d, p, in->power, target, hot, cold, last)) wanted = p->high;
    wanted = clip(wanted, p->low, p->high);
    wanted = free_valve(d, wanted, last, in->valve_held, m->deadband, error, step / dt, dt);
    if (fabs(wanted - last) <= step && fabs(in->valve_held - last) <= 1.0 && fabs(d->stuck) <= dt && fabs(error) < 1.0)
        d->trim = clip(d->trim + copysign(fmax(fabs(error) - 0.1, 0.0), error) * dt / 60.0, -1.5, 1.5);
    if (fabs(wanted - last) <= m->deadband && p->low < wanted && wanted < p->high) wanted = last;
    s->output = clip(wanted, last - step, last + step);
    /* the fixed gains follow */
    s->filtered = in->supply;
    s->integral = s->output - p->gain * p->action * (p->b * s->used - in->supply);
    s->gain_used = p->gain, s->b_used = p->b;
}

static void pressure_loop(const loop_t *p, loop_state_t *s, const inputs_t *in, double dt) {
    double y = in->pressure;
    ramp(p, s, y, dt);
    double r = s->used = s->ramped;
    double reach = p->rate * 5.0 + 2.0, low = in->pump - reach, high = in->pump + reach;
    double held_low = clip(in->pump_held - 1.0, low, high), held_high = clip(in->pump_held + 1.0, low, high);
    if (p->gain != s->gain_used || p->b != s->b_used) {
        s->integral += p->action * (s->gain_used * (s->b_used * r - y) - p->gain * (p->b * r - y));
        s->gain_used = p->gain, s->b_used = p->b;
    }
    double k = p->gain * p->action;
    double filtered = s->filtered + (y - s->filtered) * dt / (p->td / p->n + dt);
    double demand = k * (p->b * r - y) + s->integral - k * p->td * (filtered - s->filtered) / dt;
    double step = p->rate * dt, output = clip(clip(demand, p->low, p->high), s->output - step, s->output + step);
    double achieved = clip(output, held_low, held_high);
    s->integral += dt * (k * (r - y) / p->ti + (achieved - demand) / p->tt);
    s->filtered = filtered;
    s->output = output;
}

void law_rows(const params_t *q, state_t *z, const inputs_t *in, ptrdiff_t rows, double dt) {
    for (ptrdiff_t n = 0; n < rows; n++) {
        supply_loop(&q[n], &z[n], &in[n], dt);
        pressure_loop(&q[n].pressure, &z[n].pressure, &in[n], dt);
    }
}
