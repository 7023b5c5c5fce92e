import { h } from '../core/dom'

const paths: Record<string, string> = {
	jobs: 'M4 6h12M4 10h12M4 14h7',
	decisions: 'M10 3v5m0 0 5 4v4m-5-8-5 4v4',
	deadletters: 'M3 6.500 10 11l7-4.500M3 5h14v10H3z',
	failures: 'M10 4 17 16H3zM10 8.500v3.200m0 2v.1',
	stages: 'M10 3 17 6.500 10 10 3 6.500zM3 10l7 3.500 7-3.500M3 13.500 10 17l7-3.500',
	pipelines: 'M4 5h4v4H4zM12 3h4v4h-4zM12 13h4v4h-4zM8 7h2v8h2M10 5h2',
	webhooks: 'M11 4 5 12h4l-1 5 6-8h-4z',
	audit: 'M5 3h7l3 3v11H5zM12 3v3h3M8 9h4.500M8 12h4.500M8 15h2.500',
	plus: 'M10 4v12M4 10h12',
	upload: 'M10 13V4m0 0L6.500 7.500M10 4l3.500 3.500M4 13v3h12v-3',
	download: 'M10 4v9m0 0 3.500-3.500M10 13 6.500 9.500M4 15.500h12',
	close: 'M5 5l10 10M15 5 5 15',
	sun: 'M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100',
	moon: 'M15.500 11.800A6.200 6.200 0 0 1 8.200 4.500a6.200 6.200 0 1 0 7.300 7.300z',
	copy: 'M7 7h9v9H7zM4 13V4h9',
	search: 'M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM12.700 12.700 16.500 16.500',
	check: 'M4.500 10.500 8.500 14.500 15.500 6',
	auto: 'M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14',
	out: 'M8 4H4v12h4M9 10h8m0 0-3-3m3 3-3 3',
}

/** Icon is a small drawing beside a word; those who listen are not told of it. */
export const Icon = (p: { name: string }) =>
	<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d={paths[p.name]} /></svg>

/** Mark is the sign of Millrace: water that runs. */
export const Mark = () =>
	<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
		<rect width="32" height="32" rx="8" />
		<path d="M6 11.500c3.400-3 6.600-3 10 0s6.600 3 10 0" />
		<path d="M6 17c3.400-3 6.600-3 10 0s6.600 3 10 0" opacity=".78" />
		<path d="M6 22.500c3.400-3 6.600-3 10 0s6.600 3 10 0" opacity=".5" />
	</svg>
