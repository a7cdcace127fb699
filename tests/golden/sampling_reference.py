"""The samplers of k-diffusion, restated in numpy double precision step by step from the published formulas.

Every function returns the latents at the start of each step, and the final one. `model(x, sigma)` is the denoiser,
`noise(sigma, sigma_next)` the next recorded tensor of unit noise.
"""
import math

import numpy as np
from scipy import integrate

INF = math.inf


def to_d(x, sigma, denoised):
    return (x - denoised) / sigma


def get_ancestral_step(sigma_from, sigma_to, eta=1.0):
    if not eta:
        return sigma_to, 0.0
    up = min(sigma_to, eta * (sigma_to**2 * (sigma_from**2 - sigma_to**2) / sigma_from**2) ** 0.5)
    return (sigma_to**2 - up**2) ** 0.5, up


def rf_step(sigma, sigma_next, eta):
    """Ancestral step of a rectified flow: σ_down, the factor on x, the deviation of the noise."""
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    alpha_next, alpha_down = 1 - sigma_next, 1 - down
    return down, alpha_next / alpha_down, (sigma_next**2 - down**2 * alpha_next**2 / alpha_down**2) ** 0.5


def raised(x, sigmas, i, noise, s_churn, s_tmin, s_tmax, s_noise):
    gamma = min(s_churn / (len(sigmas) - 1), 2**0.5 - 1) if s_tmin <= sigmas[i] <= s_tmax and s_churn > 0 else 0.0
    hat = sigmas[i] * (gamma + 1)
    if gamma > 0:
        x = x + noise(None, None) * s_noise * (hat**2 - sigmas[i] ** 2) ** 0.5
    return x, hat


def euler(model, x, sigmas, noise, s_churn=0.0, s_tmin=0.0, s_tmax=INF, s_noise=1.0, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        x, hat = raised(x, sigmas, i, noise, s_churn, s_tmin, s_tmax, s_noise)
        x = x + to_d(x, hat, model(x, hat)) * (sigmas[i + 1] - hat)
        path.append(x)
    return path


def euler_ancestral(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            x = denoised
        elif flow:
            down, keep, up = rf_step(sigmas[i], sigmas[i + 1], eta)
            x = down / sigmas[i] * x + (1 - down / sigmas[i]) * denoised
            x = keep * x + noise(sigmas[i], sigmas[i + 1]) * s_noise * up
        else:
            down, up = get_ancestral_step(sigmas[i], sigmas[i + 1], eta)
            x = x + to_d(x, sigmas[i], denoised) * (down - sigmas[i])
            x = x + noise(sigmas[i], sigmas[i + 1]) * s_noise * up
        path.append(x)
    return path


def heun(model, x, sigmas, noise, s_churn=0.0, s_tmin=0.0, s_tmax=INF, s_noise=1.0, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        x, hat = raised(x, sigmas, i, noise, s_churn, s_tmin, s_tmax, s_noise)
        d = to_d(x, hat, model(x, hat))
        dt = sigmas[i + 1] - hat
        if sigmas[i + 1] == 0:
            x = x + d * dt
        else:
            x_2 = x + d * dt
            d_2 = to_d(x_2, sigmas[i + 1], model(x_2, sigmas[i + 1]))
            x = x + (d + d_2) / 2 * dt
        path.append(x)
    return path


def dpm_2(model, x, sigmas, noise, s_churn=0.0, s_tmin=0.0, s_tmax=INF, s_noise=1.0, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        x, hat = raised(x, sigmas, i, noise, s_churn, s_tmin, s_tmax, s_noise)
        d = to_d(x, hat, model(x, hat))
        if sigmas[i + 1] == 0:
            x = x + d * (sigmas[i + 1] - hat)
        else:
            mid = math.exp(0.5 * (math.log(hat) + math.log(sigmas[i + 1])))
            x_2 = x + d * (mid - hat)
            x = x + to_d(x_2, mid, model(x_2, mid)) * (sigmas[i + 1] - hat)
        path.append(x)
    return path


def dpm_2_ancestral(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        d = to_d(x, sigmas[i], model(x, sigmas[i]))
        down, keep, up = rf_step(sigmas[i], sigmas[i + 1], eta) if flow else (0, 1, 0)
        if not flow:
            down, up = get_ancestral_step(sigmas[i], sigmas[i + 1], eta)
        if down == 0:
            x = x + d * (down - sigmas[i])
        else:
            mid = math.exp(0.5 * (math.log(sigmas[i]) + math.log(down)))
            x_2 = x + d * (mid - sigmas[i])
            x = x + to_d(x_2, mid, model(x_2, mid)) * (down - sigmas[i])
            x = keep * x + noise(sigmas[i], sigmas[i + 1]) * s_noise * up
        path.append(x)
    return path


def lms(model, x, sigmas, noise, order=4, **_):
    def coefficient(cur, i, j):
        def fn(tau):
            prod = 1.0
            for k in range(cur):
                if k != j:
                    prod *= (tau - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k])
            return prod
        return integrate.quad(fn, sigmas[i], sigmas[i + 1], epsrel=1e-12)[0]

    path, ds = [x], []
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        ds.append(to_d(x, sigmas[i], denoised))
        cur = min(i + 1, order)
        if sigmas[i + 1] == 0:
            x = denoised
        else:
            x = x + sum(coefficient(cur, i, j) * ds[-1 - j] for j in range(cur))
        path.append(x)
    return path


def dpmpp_2s_ancestral(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            x = denoised
        elif flow:
            down, keep, up = rf_step(sigmas[i], sigmas[i + 1], eta)
            lam = lambda s: math.log((1 - s) / s)
            mid = 0.9999 if sigmas[i] == 1 else 1 / (math.exp(0.5 * (lam(sigmas[i]) + lam(down))) + 1)
            u = mid / sigmas[i] * x + (1 - mid / sigmas[i]) * denoised
            x = down / sigmas[i] * x + (1 - down / sigmas[i]) * model(u, mid)
            x = keep * x + noise(sigmas[i], sigmas[i + 1]) * s_noise * up
        else:
            down, up = get_ancestral_step(sigmas[i], sigmas[i + 1], eta)
            t, t_next = -math.log(sigmas[i]), -math.log(down)
            h = t_next - t
            s = t + h / 2
            x_2 = math.exp(-s) / math.exp(-t) * x - math.expm1(-h / 2) * denoised
            x = math.exp(-t_next) / math.exp(-t) * x - math.expm1(-h) * model(x_2, math.exp(-s))
            x = x + noise(sigmas[i], sigmas[i + 1]) * s_noise * up
        path.append(x)
    return path


def dpmpp_2m(model, x, sigmas, noise, **_):
    path, old = [x], None
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            x = denoised
        else:
            t, t_next = -math.log(sigmas[i]), -math.log(sigmas[i + 1])
            h = t_next - t
            guess = denoised
            if old is not None:
                r = (t + math.log(sigmas[i - 1])) / h
                guess = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old
            x = sigmas[i + 1] / sigmas[i] * x - math.expm1(-h) * guess
        old = denoised
        path.append(x)
    return path


def log_snr(sigma, flow):
    return math.log((1 - sigma) / sigma) if flow else -math.log(sigma)


def from_log_snr(lam, flow):
    return 1 / (1 + math.exp(lam)) if flow else math.exp(-lam)


def dpmpp_sde(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path, r = [x], 0.5
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            path.append(denoised)
            break
        lam_s, lam_t = log_snr(sigmas[i], flow), log_snr(sigmas[i + 1], flow)
        lam_1 = lam_s + r * (lam_t - lam_s)
        fac = 1 / (2 * r)
        sigma_1 = from_log_snr(lam_1, flow)
        alpha_s, alpha_1 = sigmas[i] * math.exp(lam_s), sigma_1 * math.exp(lam_1)
        alpha_t = sigmas[i + 1] * math.exp(lam_t)

        sd, su = get_ancestral_step(math.exp(-lam_s), math.exp(-lam_1), eta)
        h_ = -math.log(sd) - lam_s
        x_2 = alpha_1 / alpha_s * math.exp(-h_) * x - alpha_1 * math.expm1(-h_) * denoised
        if eta > 0:
            x_2 = x_2 + alpha_1 * noise(sigmas[i], sigma_1) * s_noise * su
        denoised_2 = model(x_2, sigma_1)

        sd, su = get_ancestral_step(math.exp(-lam_s), math.exp(-lam_t), eta)
        h_ = -math.log(sd) - lam_s
        denoised_d = (1 - fac) * denoised + fac * denoised_2
        x = alpha_t / alpha_s * math.exp(-h_) * x - alpha_t * math.expm1(-h_) * denoised_d
        if eta > 0:
            x = x + alpha_t * noise(sigmas[i], sigmas[i + 1]) * s_noise * su
        path.append(x)
    return path


def sde_base(x, denoised, sigma, sigma_next, eta, flow):
    lam_s, lam_t = log_snr(sigma, flow), log_snr(sigma_next, flow)
    h = lam_t - lam_s
    alpha_t = sigma_next * math.exp(lam_t)
    base = sigma_next / sigma * math.exp(-h * eta) * x - alpha_t * math.expm1(-h * (eta + 1)) * denoised
    return base, h, alpha_t


def dpmpp_2m_sde(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path, old, h_last = [x], None, None
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            path.append(denoised)
            break
        x, h, alpha_t = sde_base(x, denoised, sigmas[i], sigmas[i + 1], eta, flow)
        if old is not None:
            x = x + 0.5 * alpha_t * -math.expm1(-h * (eta + 1)) * (h / h_last) * (denoised - old)
        if eta > 0:
            x = x + noise(sigmas[i], sigmas[i + 1]) * sigmas[i + 1] * math.sqrt(-math.expm1(-2 * h * eta)) * s_noise
        old, h_last = denoised, h
        path.append(x)
    return path


def dpmpp_3m_sde(model, x, sigmas, noise, eta=1.0, s_noise=1.0, flow=False, **_):
    path, denoised_1, denoised_2, h_1, h_2 = [x], None, None, None, None
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        if sigmas[i + 1] == 0:
            path.append(denoised)
            break
        x, h, alpha_t = sde_base(x, denoised, sigmas[i], sigmas[i + 1], eta, flow)
        h_eta = h * (eta + 1)
        phi_2 = math.expm1(-h_eta) / h_eta + 1
        phi_3 = phi_2 / h_eta - 0.5
        if h_2 is not None:
            r0, r1 = h_1 / h, h_2 / h
            d1_0, d1_1 = (denoised - denoised_1) / r0, (denoised_1 - denoised_2) / r1
            d1 = d1_0 + (d1_0 - d1_1) * r0 / (r0 + r1)
            d2 = (d1_0 - d1_1) / (r0 + r1)
            x = x + alpha_t * phi_2 * d1 - alpha_t * phi_3 * d2
        elif h_1 is not None:
            x = x + alpha_t * phi_2 * (denoised - denoised_1) / (h_1 / h)
        if eta > 0:
            x = x + noise(sigmas[i], sigmas[i + 1]) * sigmas[i + 1] * math.sqrt(-math.expm1(-2 * h * eta)) * s_noise
        denoised_1, denoised_2 = denoised, denoised_1
        h_1, h_2 = h, h_1
        path.append(x)
    return path


def lcm(model, x, sigmas, noise, s_noise=1.0, flow=False, **_):
    path = [x]
    for i in range(len(sigmas) - 1):
        x = model(x, sigmas[i])
        if sigmas[i + 1] > 0:
            eps = noise(sigmas[i], sigmas[i + 1]) * s_noise
            x = sigmas[i + 1] * eps + (1 - sigmas[i + 1]) * x if flow else x + sigmas[i + 1] * eps
        path.append(x)
    return path


def uni_pc(model, x, sigmas, noise, variant="bh1", **_):
    """In the paper's variance-preserving variables: x̄ = α·x, α = 1/√(1 + σ²), σ̄ = σ·α, λ = ln(α/σ̄)."""
    sigmas = list(sigmas)
    if sigmas[-1] == 0:
        sigmas[-1] = 0.001
    alpha = lambda s: 1 / math.sqrt(1 + s * s)
    std = lambda s: s * alpha(s)
    lam = lambda s: math.log(alpha(s)) - math.log(std(s))
    data = lambda xb, s: model(xb / alpha(s), s)
    steps = len(sigmas) - 1
    order = min(3, steps - 1)
    xb = x * alpha(sigmas[0])
    path, ms, ss = [x], [data(xb, sigmas[0])], [sigmas[0]]
    for i in range(1, steps + 1):
        s = sigmas[i]
        n = min(len(ms), order, steps + 1 - i)
        h = lam(s) - lam(ss[-1])
        rks = [(lam(ss[-1 - k]) - lam(ss[-1])) / h for k in range(1, n)]
        d1s = [(ms[-1 - k] - ms[-1]) / rks[k - 1] for k in range(1, n)]
        rks.append(1.0)
        hh = -h
        phi = math.expm1(hh)
        b_h = hh if variant == "bh1" else math.expm1(hh)
        rows, b, phi_k, factorial = [], [], phi / hh - 1, 1
        for j in range(1, n + 1):
            rows.append([r ** (j - 1) for r in rks])
            b.append(phi_k * factorial / b_h)
            factorial *= j + 1
            phi_k = phi_k / hh - 1 / factorial
        rows, b = np.array(rows), np.array(b)
        rho_p = [0.5] if n == 2 else np.linalg.solve(rows[:-1, :-1], b[:-1]) if n > 2 else []
        rho_c = [0.5] if n == 1 else np.linalg.solve(rows, b)
        base = std(s) / std(ss[-1]) * xb - alpha(s) * phi * ms[-1]
        predicted = base - alpha(s) * b_h * sum(r * d for r, d in zip(rho_p, d1s))
        if i == steps:
            xb = predicted
        else:
            m = data(predicted, s)
            total = sum(r * d for r, d in zip(rho_c[:-1], d1s)) + rho_c[-1] * (m - ms[-1])
            xb = base - alpha(s) * b_h * total
            ms, ss = (ms + [m])[-order:], (ss + [s])[-order:]
            path.append(predicted / alpha(s))
    return path + [xb / alpha(sigmas[-1])]


def uni_pc_bh2(model, x, sigmas, noise, **kwargs):
    return uni_pc(model, x, sigmas, noise, variant="bh2", **kwargs)


ddim = euler
